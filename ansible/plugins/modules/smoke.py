#!/usr/bin/python
# Copyright the vaehub contributors
# SPDX-License-Identifier: Apache-2.0
"""Ansible module: the decode test of what vaehub placed."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: smoke
short_description: Decode with the VAEs of a host, and say whether they work
version_added: "1.0.0"
description:
  - Runs C(vaehub smoke --all) on the host. Without torch there, names, shapes and types are looked
    at, and what only a decode can tell is untested, which is no failure.
  - The module fails where a VAE is unsound, with RV(rc) 8.
options:
  to:
    description:
      - The roots of UIs, or folders.
    type: list
    elements: path
    required: true
  dtypes:
    description:
      - The precisions that each VAE must work in; without it all that the device is quick in.
    type: list
    elements: str
    choices: [fp32, bf16, fp16]
    default: []
  device:
    description:
      - V(auto), V(all), V(cpu), V(cuda), V(cuda:1), V(mps) or V(xpu).
    type: str
    default: auto
extends_documentation_fragment:
  - vaehub.vaehub.common
  - vaehub.vaehub.attributes.looks
author: the vaehub contributors (!UNKNOWN)
seealso:
  - module: vaehub.vaehub.sync
"""

EXAMPLES = r"""
- name: Decode with all that vaehub placed
  vaehub.vaehub.smoke:
    to: /srv/ComfyUI
    dtypes: [fp16]
"""

RETURN = r"""
results:
  description: What was found of each VAE, as C(vaehub smoke --json) has it.
  returned: always
  type: list
  elements: dict
problems:
  description: What vaehub found, also where it stopped nothing.
  returned: always
  type: list
  elements: dict
  contains:
    code:
      description: Stable code.
      type: str
      sample: hash-mismatch
    message:
      description: What happened.
      type: str
      sample: the file has other bytes than the catalog says
    where:
      description: File, source or target that it is about.
      type: str
      sample: /srv/ComfyUI
    blocking:
      description: Whether it stopped anything.
      type: bool
      sample: true
    hint:
      description: What to do next.
      type: str
      sample: try another source
rc:
  description: The exit code of vaehub, as its documentation has them; 127 where there is no vaehub.
  returned: always
  type: int
  sample: 0
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.vaehub.vaehub.plugins.module_utils import running


def main():
    """Do what the options say."""
    module = AnsibleModule(
        argument_spec=running.argument_spec(
            to={"type": "list", "elements": "path", "required": True},
            dtypes={
                "type": "list",
                "elements": "str",
                "choices": ["fp32", "bf16", "fp16"],
                "default": [],
            },
            device={"type": "str", "default": "auto"},
        ),
        supports_check_mode=True,
    )
    params = module.params
    vaehub = running.Vaehub(module)
    arguments = ["--all", *running.pairs("--device", [params["device"]])]
    if params["dtypes"]:
        arguments += running.pairs("--dtype", [",".join(params["dtypes"])])
    whole = running.Answer(0, [], [])
    for target in params["to"]:
        answer = vaehub.ask("smoke", *arguments, *running.pairs("--to", [target]))
        whole.results += answer.results
        whole.problems += answer.problems
        whole.rc = whole.rc or answer.rc
    if whole.rc != 0:
        vaehub.fail(whole, results=whole.results)
    module.exit_json(changed=False, rc=0, problems=whole.problems, results=whole.results)


if __name__ == "__main__":
    main()
