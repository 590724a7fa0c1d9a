// Whoever was logged out logs in again on the page they are on, and nothing they typed is lost.
