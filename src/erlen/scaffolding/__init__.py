"""Files for a project: what ``erlen new`` and ``erlen deploy`` write."""

from __future__ import annotations

from .choices import Choices as Choices
from .deployment import Target as Target
from .deployment import deployment_files as deployment_files
from .names import Names as Names
from .names import ScaffoldError as ScaffoldError
from .names import check_name as check_name
from .project import project_files as project_files
from .writing import write_new as write_new
from .writing import write_over as write_over

__all__ = [
    "Choices",
    "Names",
    "ScaffoldError",
    "Target",
    "check_name",
    "deployment_files",
    "project_files",
    "write_new",
    "write_over",
]
