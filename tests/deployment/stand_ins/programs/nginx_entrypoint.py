"""A stand-in for the entry point of nginx's image. It fills the templates and then runs nginx."""

import os
import re
import sys
from pathlib import Path

TEMPLATES = Path("/etc/nginx/templates")

if sys.argv[1] == "nginx" and TEMPLATES.is_dir():
    names = [name for name in os.environ if re.search(os.environ.get("NGINX_ENVSUBST_FILTER", ""), name)]
    output = Path(os.environ.get("NGINX_ENVSUBST_OUTPUT_DIR", "/etc/nginx/conf.d"))
    for template in TEMPLATES.glob("*.template"):
        text = template.read_text()
        for name in names:
            text = re.sub(rf"\$\{{{name}\}}|\${name}\b", os.environ[name].replace("\\", r"\\"), text)
        (output / template.stem).write_text(text)
os.execvp(sys.argv[1], sys.argv[1:])
