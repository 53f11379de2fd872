"""What worker processes are asked to do in tests; imports nothing large."""
import os
import signal
import time


def double(number):
    return 2 * number


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def wait(path):
    with open(path, 'w') as stream:
        stream.write(str(os.getpid()))
    time.sleep(600)
