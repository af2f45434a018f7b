"""From a fresh clone to a running world or a finished test run; Python 3.11+ with pip and venv is all it needs.

    python tools/start.py demo [SCENE] [options of `swarm demo`]
    python tools/start.py test [options of pytest]

Written so that any Python can read it and say what is wrong; the work is in first_run.py.
"""

import sys

if sys.version_info < (3, 11):
    sys.stderr.write(
        "swarm needs Python 3.11 or newer; this is Python %d.%d (%s).\n" % (sys.version_info[:2] + (sys.executable,))
        + "Get one from https://www.python.org/downloads/ and use it, such as: python3.12 tools/start.py demo\n"
    )
    sys.exit(2)

import first_run

sys.exit(first_run.main(sys.argv[1:], __doc__ or ""))
