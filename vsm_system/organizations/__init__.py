"""Organizations as files: the starters that come with the program, and the reading and writing of a user's own."""

from vsm_system.organizations.loading import OrganizationError, known_organizations, load_organization
from vsm_system.organizations.writing import organization_yaml

__all__ = ["OrganizationError", "known_organizations", "load_organization", "organization_yaml"]
