"""The wire: frames in both directions, the objects in them, the codes. Pure: no Django, no clock.

codes    what went wrong, why a connection ends
objects  sessions, messages, models
client   what a client may say, and how it is read
server   what the server says
text     how text is measured and kept
"""

from chat.protocol.client import (
    BAD_FRAMES,
    FRAME_BYTES,
    HELLO_S,
    AnyClientFrame,
    ClientFrame,
    ClientPing,
    ClientPong,
    Edit,
    Hello,
    Regenerate,
    Retry,
    Select,
    Send,
    Stop,
    parse,
)
from chat.protocol.codes import Close, Code, Refused
from chat.protocol.objects import Context, Failure, Limits, Message, Model, Sampling, Session, Usage
from chat.protocol.server import (
    SYNC_BEHIND,
    SYNC_MESSAGES,
    Ack,
    AnyServerFrame,
    Bye,
    Delta,
    Error,
    Gone,
    MessageChanged,
    ModelChanged,
    Queue,
    Ready,
    ServerFrame,
    ServerPing,
    ServerPong,
    SessionChanged,
    Sync,
    server_frames,
)
from chat.protocol.text import utf16_length, written

__all__ = [
    "BAD_FRAMES",
    "FRAME_BYTES",
    "HELLO_S",
    "SYNC_BEHIND",
    "SYNC_MESSAGES",
    "Ack",
    "AnyClientFrame",
    "AnyServerFrame",
    "Bye",
    "ClientFrame",
    "ClientPing",
    "ClientPong",
    "Close",
    "Code",
    "Context",
    "Delta",
    "Edit",
    "Error",
    "Failure",
    "Gone",
    "Hello",
    "Limits",
    "Message",
    "MessageChanged",
    "Model",
    "ModelChanged",
    "Queue",
    "Ready",
    "Refused",
    "Regenerate",
    "Retry",
    "Sampling",
    "Select",
    "Send",
    "ServerFrame",
    "ServerPing",
    "ServerPong",
    "Session",
    "SessionChanged",
    "Stop",
    "Sync",
    "Usage",
    "parse",
    "server_frames",
    "utf16_length",
    "written",
]
