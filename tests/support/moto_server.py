"""A server of moto that carries out one request at a time: `python tests/support/moto_server.py PORT`.

moto checks the condition of a write and then writes, without a lock. So its own server, which uses threads, lets
several writes pass that exclude each other. DynamoDB does not.
"""

import sys

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import run_simple

if __name__ == "__main__":
    run_simple("127.0.0.1", int(sys.argv[1]), DomainDispatcherApplication(create_backend_app), threaded=False)
