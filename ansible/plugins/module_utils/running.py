# Copyright the vaehub contributors
# SPDX-License-Identifier: Apache-2.0
"""Run vaehub on a host, and say what came of it in Ansible's words.

Knows vaehub's command line, JSON and exit codes. Imports nothing of vaehub, which the interpreter
of the host need not have, and nothing of Ansible: a module is handed in.
"""

from __future__ import annotations

import json
import os
import signal

TOKENS = {
    "huggingface_token": "HF_TOKEN",
    "civitai_token": "CIVITAI_TOKEN",
    "liblib_token": "LIBLIB_TOKEN",
    "modelscope_token": "MODELSCOPE_TOKEN",
}
"""By option, the variable of the command's environment that the token goes into."""
VENV = "/opt/vaehub/venv"
"""Where the role provision installs vaehub."""
DIFFERENT = 9
"""Exit code: something installed differs from the catalog or the lock."""
UNKNOWN = 4
"""Exit code: a name leads nowhere."""


class NoAnswer(Exception):
    """vaehub ended without saying what it did."""


class Answer:
    """What a command of vaehub said."""

    def __init__(self, rc, results, problems):
        self.rc = rc
        self.results = results
        self.problems = problems

    @property
    def failure(self):
        """What stopped it: message and hint of each blocking problem."""
        grave = [each for each in self.problems if each.get("blocking", True)]
        said = [sentence(each) for each in grave or self.problems]
        return "\n".join(said) or f"vaehub ended with exit code {self.rc}"


def sentence(problem):
    """Give a problem as one line: where, what, and what to do next."""
    where = "{}: ".format(problem["where"]) if problem.get("where") else ""
    hint = " -- {}".format(problem["hint"]) if problem.get("hint") else ""
    return where + problem.get("message", problem.get("code", "")) + hint


def read(rc, stdout, stderr):
    """Read what a command printed; raises NoAnswer where it is no answer of vaehub."""
    try:
        said = json.loads(stdout)
        return Answer(rc, said["results"], said["problems"])
    except (ValueError, KeyError, TypeError):
        pass
    last = (stderr.strip().splitlines() or ["it said nothing"])[-1]
    number = -rc if rc < 0 else rc - 128
    if number in {int(each) for each in (signal.SIGKILL, signal.SIGTERM, signal.SIGHUP)}:
        raise NoAnswer(
            f"vaehub was killed by signal {number}; run it again: it goes on from the bytes "
            "already here"
        )
    raise NoAnswer(f"vaehub ended with exit code {rc} and no answer: {last}")


def argument_spec(**own):
    """Give the options of a module: those that all of them have, and its own."""
    spec = {
        "executable": {"type": "path"},
        "store": {"type": "path"},
        "catalogs": {"type": "list", "elements": "path", "default": []},
        "mirrors": {"type": "list", "elements": "str", "default": []},
        "offline": {"type": "bool", "default": False},
    }
    for option in TOKENS:
        spec[option] = {"type": "str", "no_log": True}
    spec.update(own)
    return spec


def transfer_spec():
    """Give the options of the modules that may download."""
    return {
        "accept_licenses": {"type": "list", "elements": "str", "default": []},
        "limit_rate": {"type": "str"},
        "max_connections": {"type": "int"},
    }


def transfer_arguments(params):
    """Give the command line of :func:`transfer_spec`."""
    said = pairs("--accept-license", params["accept_licenses"])
    if params["limit_rate"] is not None:
        said += ["--limit-rate", params["limit_rate"]]
    if params["max_connections"] is not None:
        said += ["--max-connections", str(params["max_connections"])]
    return said


def lock_spec():
    """Give the options of the modules that hold targets against a lock."""
    return {
        "lock": {"type": "path", "required": True},
        "manifest": {"type": "path"},
        "to": {"type": "list", "elements": "str", "default": []},
    }


def lock_arguments(module):
    """Give the command line of :func:`lock_spec`, and the folder to run it in."""
    params = module.params
    lock = os.path.abspath(params["lock"])
    folder = os.path.dirname(lock)
    if not os.path.isdir(folder):
        module.fail_json(
            rc=2,
            problems=[],
            msg=f"there is no lock {lock} on this host; the role vaehub.vaehub.provision copies it",
        )
    said = ["--lock=" + lock]
    if params["manifest"]:
        said.append("--manifest=" + os.path.abspath(params["manifest"]))
    # In its folder, so that a manifest beside the lock is that lock's.
    return said + pairs("--to", expanded(params["to"])), folder


def pairs(option, values):
    """Repeat an option for each value; one word each, so that no value is taken for an option."""
    return [f"{option}={value}" for value in values]


def expanded(places):
    """Give targets as vaehub takes them, with ``~`` spelled out, also in ``NAME=PATH``."""
    found = []
    for place in places:
        name, equals, path = place.partition("=")
        named = equals and os.sep not in name
        found.append(name + "=" + os.path.expanduser(path) if named else os.path.expanduser(place))
    return found


class Vaehub:
    """vaehub on this host, as a module's options have it."""

    def __init__(self, module):
        self._module = module
        self._program = self._find()
        self._environment = environment(module.params)

    def _find(self):
        named = self._module.params["executable"]
        if named and os.sep in named:
            if os.access(named, os.X_OK):
                return named
            self._module.fail_json(
                rc=127,
                problems=[],
                msg=f"executable: {named} is no program on this host; the role "
                "vaehub.vaehub.provision installs vaehub",
            )
        beside = [os.path.join(VENV, "bin"), os.path.expanduser("~/.local/bin")]
        found = self._module.get_bin_path(named or "vaehub", opt_dirs=beside)
        if found is None:
            self._module.fail_json(
                rc=127,
                problems=[],
                msg="vaehub is not on this host: neither in PATH nor in {}; the role "
                "vaehub.vaehub.provision installs it, and the option executable says where it "
                "is".format(" and ".join(beside)),
            )
        return found

    def ask(self, command, *arguments, **options):
        """Run a command and give its answer, whatever its exit code; ``cwd`` says from where."""
        rc, stdout, stderr = self._module.run_command(
            [self._program, command, "--json", *arguments],
            environ_update=self._environment,
            cwd=options.get("cwd"),
            expand_user_and_vars=False,  # a dollar in a name is a dollar
            ignore_invalid_cwd=False,
        )
        try:
            return read(rc, stdout, stderr)
        except NoAnswer as error:
            self._module.fail_json(msg=str(error), rc=rc, problems=[])

    def must(self, command, *arguments, **options):
        """Run a command that has to succeed; where it does not, the module fails with its words."""
        answer = self.ask(command, *arguments, **options)
        if answer.rc != 0:
            self.fail(answer)
        return answer

    def fail(self, answer, **said):
        """End the module with what vaehub said."""
        self._module.fail_json(msg=answer.failure, rc=answer.rc, problems=answer.problems, **said)


def environment(params):
    """Give the variables of the command: tokens are there and nowhere else."""
    said = {"VAEHUB_LANG": "en", "NO_COLOR": "1"}
    if params["store"]:
        said["VAEHUB_STORE"] = params["store"]
    if params["catalogs"]:
        said["VAEHUB_CATALOG"] = os.pathsep.join(params["catalogs"])
    if params["mirrors"]:
        said["VAEHUB_MIRRORS"] = " ".join(params["mirrors"])
    if params["offline"]:
        said["VAEHUB_OFFLINE"] = "1"
    for option, variable in TOKENS.items():
        if params[option]:
            said[variable] = params[option]
    return said
