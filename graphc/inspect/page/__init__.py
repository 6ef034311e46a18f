"""One HTML file that shows a compilation in a browser, without any server or network."""
