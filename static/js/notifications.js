// Says what happened while the member looks elsewhere: in the page's title, and where they allowed it as a notification of the browser.
