"""Deploys to many boards at once with Ansible, and reports how they are."""
