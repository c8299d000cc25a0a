"""All rows, in the order of the table."""

from benchmarks.row import Row
from benchmarks.rows.branches import BRANCHES_ROWS, BranchesOnDisk
from benchmarks.rows.cold import Cold
from benchmarks.rows.command_line import ListCommand
from benchmarks.rows.disk import Disk
from benchmarks.rows.encrypted import EncryptedRead, EncryptedTurn
from benchmarks.rows.exports import Exports
from benchmarks.rows.item_keys import ItemKeys
from benchmarks.rows.listing import Listing
from benchmarks.rows.load import Load
from benchmarks.rows.pop import Pop
from benchmarks.rows.processes import ProcessesManySessions, ProcessesOneSessionEach
from benchmarks.rows.read import Memory, Read
from benchmarks.rows.startup import Startup
from benchmarks.rows.tail import Tail
from benchmarks.rows.trees import SiblingsOfAllTurns, TreeOfTheLatest
from benchmarks.rows.turn import Turn
from benchmarks.rows.web import Web, Web64, Web64Pinned, WebClosed, WebPinned

ROWS: tuple[type[Row], ...] = (
    Turn,
    Web,
    WebPinned,
    WebClosed,
    Web64,
    Web64Pinned,
    ProcessesOneSessionEach,
    ProcessesManySessions,
    Read,
    Memory,
    Tail,
    Pop,
    Load,
    EncryptedTurn,
    EncryptedRead,
    Disk,
    Cold,
    Startup,
    *BRANCHES_ROWS,
    BranchesOnDisk,
    Listing,
    ListCommand,
    TreeOfTheLatest,
    SiblingsOfAllTurns,
    ItemKeys,
    Exports,
)
