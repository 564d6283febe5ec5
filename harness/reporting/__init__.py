"""What people read: the HTML report."""
