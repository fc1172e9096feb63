"use strict";

/** Removes cookies from the security schemes, because the browser sends them and scripts cannot set them. */
function withoutCookies(openapi) {
  const schemes = openapi.components?.securitySchemes ?? {};
  const cookies = Object.keys(schemes).filter((name) => schemes[name].in === "cookie");
  for (const name of cookies) delete schemes[name];
  for (const path of Object.values(openapi.paths ?? {})) {
    for (const operation of Object.values(path)) {
      operation.security = operation.security?.filter((needed) => !cookies.some((name) => name in needed));
      if (!operation.security?.some((needed) => Object.keys(needed).length)) delete operation.security;
    }
  }
  return openapi;
}

const dark = window.matchMedia("(prefers-color-scheme: dark)");

/** Switches Swagger UI to its dark theme if the user prefers that. */
function followTheme() {
  document.documentElement.classList.toggle("dark-mode", dark.matches);
}

followTheme();
dark.addEventListener("change", followTheme);

window.addEventListener("DOMContentLoaded", () => {
  window.SwaggerUIBundle({
    url: document.getElementById("swagger-ui").dataset.document,
    dom_id: "#swagger-ui",
    deepLinking: true,
    validatorUrl: null,
    displayRequestDuration: true,
    defaultModelsExpandDepth: 0,
    presets: [window.SwaggerUIBundle.presets.apis],
    plugins: [
      {
        statePlugins: {
          spec: { wrapActions: { updateJsonSpec: (update) => (openapi) => update(withoutCookies(openapi)) } },
        },
      },
    ],
  });
});
