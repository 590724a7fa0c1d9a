// A conversation: sends without leaving the page, keeps the reader's place and drafts, says who is typing and what has been read.
