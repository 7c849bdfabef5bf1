"""The inbox: photos that were collected from boards, and what is known of each."""
