"use strict";

// A second submission would send the code again, and a code is accepted only once. The form works without this script.
const button = document.querySelector("form button");
let sent = false;

document.querySelector("form").addEventListener("submit", (event) => {
  if (sent) event.preventDefault();
  sent = true;
  button.disabled = true;
});
// A browser may restore the page in the state in which the person left it.
window.addEventListener("pageshow", () => {
  sent = false;
  button.disabled = false;
});
