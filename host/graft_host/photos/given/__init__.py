"""What a user gives as photos: folders of classes, several of them, and lists of files with labels."""
