# What publish may ask for, and the module that has it. Read twice: by type checkers, and by
# lazy_loader when the program runs, so that a draft waits for no HTTP client and no parser.
from .asking import ask as ask
from .bodies import MOST_BYTES as MOST_BYTES
from .fetching import AGENT as AGENT
from .fetching import DEADLINE as DEADLINE
from .fetching import MOST_REDIRECTS as MOST_REDIRECTS
from .fetching import AskedToWait as AskedToWait
from .fetching import document as document
from .files import load as load
from .finding import Candidate as Candidate
from .finding import find as find
from .links import statuses as statuses
from .network import Internet as Internet
from .network import Network as Network
from .places import is_public as is_public
from .places import names_itself as names_itself
from .places import shown as shown
from .values import NOTHING as NOTHING
from .values import Kind as Kind
from .values import Memory as Memory
from .values import Source as Source
from .values import Visit as Visit
from .visiting import AT_ONCE as AT_ONCE
from .visiting import FOR_ONE_HOST as FOR_ONE_HOST
from .visiting import visits as visits
