"""The page with boards, what runs there, and deploying."""
