"""Texts that the sources alone do not tell rightly: no text for people, or one put together.

Kept by hand; a test tells where the catalog and the sources part.
"""

from __future__ import annotations

NAMES = {
    "aliases", "autoencoder", "en", "entries", "id", "sha256", "zh", "vaehub: {0}",
    "vaehub: note:", "Stability Matrix", "another format", "one of", "or a", "Early Access",
    "not found", "not exist", "zip pickle", "legacy pickle", "hub login", "private file",
    "vaehub hashing",
    "Access to this resource is disabled.", "Hugging Face", "This folder is the store of vaehub",
    "This folder is a mirror made by vaehub", "no sha256",
    "auto, all, cpu, cuda, cuda:1, mps, xpu", "base name", "relative path", "pruned model",
    "relative path without .safetensors", "the last unit takes everything", "http {0}",
    "not a sha256", "pipe.vae.config.force_upcast = True, or pipe.upcast_vae()", "{0} and {1}",
    "{repo, revision, path}",
    "the {0}", "%(prog)s %(version)s",
    "vaehub", "torch", "diffusers {0}", "`vaehub store gc`", "`vaehub install`", "`vaehub convert`",
    "mv {0} {1}", "rm {0}", "ln -s {0} {1}", "ln -f {0} {1}", "git -C {0} lfs pull",
    "{0} is {1}, {2}, {3} since", "--convert safetensors", ".config", ".cache", ".local/state",
    "schema: 1", "{{name: {0}, targets: [{1}]}}",
    "Module {0}", "VAE Decoder", "VAE hash", "image save", "bundle install", "civitai", "liblib",
    "crc32 (zlib)", "vaes: []", "- name: {0}  # {1}", "targets: [{0}]", "ui: {0}", "path: {0}",
    "{0}_encoder.", "{0}_decoder.", "chmod a+rx {0}", "fp16", "bf16",
}  # fmt: skip
"""Not for people, or the same in every language."""
ELSEWHERE = (
    "Usage:", "Options", "Commands", "Examples", "Exit codes", "Error: {0}",
    "Show this message and exit.", "Show the version and exit.", "note:", "warning:", "hint:",
    "No such option: {0}", "No such option {0}.", "No such option: {0} Did you mean {1}?",
    "No such option {0}. Did you mean {1}?",
    "No such option: {0} (Possible options: {1})", "No such option {0}. (Possible options: {1})",
    "No such command {0}.", "No such command {0}. Did you mean {1}?",
    "No such command {0}. (Possible commands: {1})", "Missing command.",
    "Missing argument {0}.", "Missing option {0}.", "Missing parameter: {0}",
    "Got unexpected extra argument ({0})", "Got unexpected extra arguments ({0})",
    "Option {0} requires an argument.", "Option {0} does not take a value.",
    "Invalid value for {0}: {1}", "Invalid value: {0}",
    "{0} is not one of {1}.", "{0} is not in the range {1}.", "{0} is not a valid integer.",
    "{0} is not a valid integer range.", "{0} is not {1}.", "Try {0} for help.",
    "problem", "note", "yes", "no", "none stated", "not read", "interrupted",
    "gone", "sound", "converted", "environment", "environment and file", "set", "changed",
    "no VAE in the catalogs has the family {0}", "no VAE in the catalogs has the tag {0}",
    "the installed {0}", "the Hugging Face cache: {0}", "its neighbour {0}", "the adopted {0}",
    "{0} is {1}, {2}, gone since", "{0} exists and holds something else",
    "{0} exists and is no plain file", "{0} came into being meanwhile", "version {0}",
    "the mirror {0}",
    "{0} may say why; or {1}", "text", "nothing", "unknown host", "unknown field",
    "one of {0}", "refused: {0}", "{0} is {1}, {2}, changed since",
)  # fmt: skip
"""What is said by click, or put together elsewhere from several pieces."""
