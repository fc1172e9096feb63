"""The handler that the runtime of AWS Lambda imports, once for each execution environment."""

import gc
import os

from presentation.bootstrap.lambda_function import lambda_function

handler = lambda_function(os.environ)

# A full collection would visit the objects of all imported modules, which live until the end of the process.
gc.collect()
gc.freeze()
