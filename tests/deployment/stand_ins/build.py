"""Build the stand-ins from installed programs and the libraries that they are linked with."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

PREFIX = "open-mfa-test"
"""The prefix of their names, so that they are never confused with the public images."""
TARGETS = {
    "BASE_IMAGE": "python",
    "REDIS_IMAGE": "redis",
    "NGINX_IMAGE": "nginx",
    "NGINX_PROXY_IMAGE": "nginx-proxy",
    "ACME_IMAGE": "acme",
    "MAIL_IMAGE": "mail",
}
"""The variables of the stacks, and the stand-in for each."""

HERE = Path(__file__).parent
SHELL = (
    "dash",
    "cat",
    "cp",
    "date",
    "env",
    "grep",
    "id",
    "ls",
    "mkdir",
    "mv",
    "rm",
    "sed",
    "sleep",
    "stat",
    "test",
    "touch",
    "nologin",
)
ACCOUNTS = ("groupadd", "useradd")
LOGINS = "root:x:0:0:root:/root:/bin/sh\nnginx:x:101:101::/nonexistent:/usr/sbin/nologin\n"
GROUPS = "root:x:0:\nnginx:x:101:\n"
UNUSED = (
    "__phello__",
    "config-*",
    "dist-packages",
    "idlelib",
    "lib2to3",
    "site-packages",
    "test",
    "tkinter",
    "turtle*",
)
WHEELS = ("libc.so", "libdl.so", "libgcc_s.so", "libm.so", "libpthread.so", "librt.so", "libstdc++.so", "libutil.so")
"""Libraries that compiled packages expect in every Debian."""
NGINX = """
user nginx; worker_processes auto; pid /run/nginx.pid; error_log /var/log/nginx/error.log notice;
events { worker_connections 1024; }
http { include /etc/nginx/mime.types; access_log /var/log/nginx/access.log; include /etc/nginx/conf.d/*.conf; }
"""


class MissingProgram(Exception):
    """A program for a stand-in is not installed."""


def images() -> dict[str, str]:
    """Return the values of the stacks' variables."""
    return {variable: f"{PREFIX}/{target}" for variable, target in TARGETS.items()}


def build() -> dict[str, str]:
    """Build all stand-ins and return the values of the stacks' variables.

    Raises:
        MissingProgram: a program is not installed.
    """
    with tempfile.TemporaryDirectory(prefix="open-mfa-stand-ins-") as name:
        context = Path(name)
        (context / "empty").mkdir()
        shutil.copytree(HERE / "programs", context / "programs")
        _python(context / "python")
        _redis(context / "redis")
        _nginx(context / "nginx")
        _add(context / "acme", ["openssl"])
        shutil.copy2("/etc/ssl/openssl.cnf", _folder(context / "acme/usr/lib/ssl"))
        _packages(context / f"mail/usr/local/lib/{_version()}/site-packages", "aiosmtpd", "attr", "attrs", "public")
        for target in TARGETS.values():
            command = ["docker", "build", "--quiet", "--file", str(HERE / "Dockerfile")]
            command += ["--target", target, "--tag", f"{PREFIX}/{target}", str(context)]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=os.environ | {"DOCKER_BUILDKIT": "1"})
    return images()


def _python(root: Path) -> None:
    _skeleton(root)
    _add(root, [*SHELL, *ACCOUNTS, "curl"])
    shutil.copy2("/etc/login.defs", root / "etc")
    for name in ("shadow", "gshadow"):
        (root / "etc" / name).touch(mode=0o640)
    certificates = _folder(root / "etc/ssl/certs")
    shutil.copy("/etc/ssl/certs/ca-certificates.crt", certificates)
    _folder(root / "usr/lib/ssl").joinpath("cert.pem").symlink_to("/etc/ssl/certs/ca-certificates.crt")
    # The configuration of this machine's package index.
    if Path("/etc/pip.conf").exists():
        shutil.copy2("/etc/pip.conf", root / "etc")

    executable, library = Path(sys.executable).resolve(), Path(os.__file__).parent
    home = root / "usr/local/lib" / _version()
    shutil.copytree(library, home, symlinks=True, ignore=shutil.ignore_patterns(*UNUSED))
    binaries = _folder(root / "usr/local/bin")
    shutil.copy2(executable, binaries / _version())
    for alias in ("python", "python3"):
        (binaries / alias).symlink_to(_version())
    for found in library.parent.glob(f"lib{_version()}.so*"):
        shutil.copy2(found, home.parent)
    _libraries(root, [executable, *library.glob("lib-dynload/*.so")])
    loader = subprocess.run(["ldconfig", "-p"], check=True, capture_output=True, text=True).stdout
    for name in WHEELS:
        known = re.search(rf"^\s{re.escape(name)}\.\d+ \(libc6.*=> (\S+)$", loader, re.MULTILINE)
        if known is not None:
            _copy_library(root, known[1])
    _packages(home / "site-packages", "pip")
    _finish(root)


def _redis(root: Path) -> None:
    _skeleton(root)
    _add(root, [*SHELL, "redis-server", "redis-cli"])
    _finish(root)


def _nginx(root: Path) -> None:
    """Build an image on top of the stand-in for Python."""
    _add(root, ["nginx"])
    configuration = _folder(root / "etc/nginx")
    for name in ("conf.d", "vhost.d", "certs", "open-mfa"):
        (configuration / name).mkdir()
    shutil.copy2("/etc/nginx/mime.types", configuration)
    (configuration / "nginx.conf").write_text(NGINX)
    for folder in ("var/cache/nginx", "usr/share/nginx/html", "var/lib/nginx"):
        _folder(root / folder)
    logs = _folder(root / "var/log/nginx")
    (logs / "access.log").symlink_to("/dev/stdout")
    (logs / "error.log").symlink_to("/dev/stderr")


def _skeleton(root: Path) -> None:
    for folder in ("dev", "etc", "proc", "root", "run", "sys", "usr/bin", "usr/lib", "usr/lib64", "usr/sbin", "var"):
        _folder(root / folder)
    for name in ("bin", "lib", "lib64", "sbin"):
        (root / name).symlink_to(f"usr/{name}")
    (root / "var/run").symlink_to("/run")
    _folder(root / "tmp").chmod(0o1777)
    (root / "etc/passwd").write_text(LOGINS)
    (root / "etc/group").write_text(GROUPS)
    (root / "etc/nsswitch.conf").write_text("passwd: files\ngroup: files\nhosts: files dns\n")
    shutil.copytree("/etc/ld.so.conf.d", root / "etc/ld.so.conf.d")
    shutil.copy2("/etc/ld.so.conf", root / "etc")


def _finish(root: Path) -> None:
    (root / "usr/bin/sh").symlink_to("dash")
    subprocess.run(["ldconfig", "-r", str(root)], check=True)


def _add(root: Path, programs: Iterable[str]) -> None:
    for name in programs:
        found = shutil.which(name, path="/usr/bin:/usr/sbin:/bin:/sbin")
        if found is None:
            raise MissingProgram(f"{name} is not installed, so its stand-in could not be built")
        shutil.copy2(found, _folder(root / "usr/bin") / name)
        _libraries(root, [Path(found)])


def _libraries(root: Path, files: Iterable[Path]) -> None:
    told = subprocess.run(["ldd", *map(str, files)], check=False, capture_output=True, text=True).stdout
    for found in sorted(set(re.findall(r"\s(/\S+\.so\S*) \(0x", told))):
        if sys.base_prefix == "/usr" or Path(sys.base_prefix) not in Path(found).parents:
            _copy_library(root, found)


def _copy_library(root: Path, found: str) -> None:
    target = root / "usr" / found.removeprefix("/usr").removeprefix("/")
    _folder(target.parent)
    if not target.exists():
        shutil.copy2(found, target)


def _packages(target: Path, *names: str) -> None:
    for name in names:
        spec = importlib.util.find_spec(name)
        if spec is None:
            continue
        for folder in spec.submodule_search_locations or ():
            shutil.copytree(folder, target / name, ignore=shutil.ignore_patterns("__pycache__"))
            for about in Path(folder).parent.glob(f"{name}-*.dist-info"):
                shutil.copytree(about, target / about.name)


def _folder(path: Path) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    return path


def _version() -> str:
    return f"python{sys.version_info.major}.{sys.version_info.minor}"
