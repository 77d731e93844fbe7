"""HTTP as objects: requests, responses, headers, files."""
