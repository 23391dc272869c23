"""A headless Chromium that tests talk to over a pipe: real pointers, keys, screens and print."""

import base64
import json
import os
import select
import shutil
import subprocess
import time

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--hide-scrollbars",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-pipe",
)


def chromium():
    """Where a Chromium is; None without one."""
    names = ("chromium", "chromium-browser", "google-chrome")
    return next((path for path in map(shutil.which, names) if path), None)


class Browser:
    """One browser with one page.

    The protocol (messages of JSON with a zero byte after each, on handles 3 and 4) is Chromium's
    own; nothing is opened to the network.
    """

    def __init__(self, profile):
        to_read, self._to = os.pipe()
        self._from, to_write = os.pipe()

        # The browser must find the pipes at 3 and 4, wherever Python put them.
        words = f'exec "$@" 3<&{to_read} 4>&{to_write}'
        command = [chromium(), *FLAGS, f"--user-data-dir={profile}", "about:blank"]
        self._process = subprocess.Popen(
            ["bash", "-c", words, "bash", *command],
            pass_fds=(to_read, to_write),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(to_read)
        os.close(to_write)
        self._buffer, self._count, self._session = b"", 0, None
        self.complaints, self._events, self._scripts = [], [], True
        targets = self.send("Target.getTargets")["targetInfos"]
        page = next(one["targetId"] for one in targets if one["type"] == "page")
        answer = self.send("Target.attachToTarget", targetId=page, flatten=True)
        self._session = answer["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.send(f"{domain}.enable")

    def close(self):
        self._session = None
        self.send("Browser.close")
        self._process.wait(timeout=20)
        os.close(self._to)
        os.close(self._from)

    def send(self, method, **parameters):
        """Call a method of the protocol and wait for its answer."""
        self._count += 1
        message = {"id": self._count, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == message["id"]:
                assert "error" not in answer, (method, answer["error"])
                return answer["result"]

    def _next(self):
        limit = time.monotonic() + 60
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._from], [], [], limit - time.monotonic())
            assert ready, "the browser does not answer"
            self._buffer += os.read(self._from, 1 << 20)
        text, self._buffer = self._buffer.split(b"\0", 1)
        message = json.loads(text)
        self._note(message)
        return message

    def _note(self, message):
        method, said = message.get("method"), message.get("params")
        if method in ("Runtime.exceptionThrown", "Log.entryAdded", "Runtime.consoleAPICalled"):
            self.complaints.append(said)
        elif method == "Network.requestWillBeSent" and not said["request"]["url"].startswith(
            ("file:", "about:")
        ):
            self.complaints.append(said["request"]["url"])
        elif method == "Page.loadEventFired":
            self._events.append(method)

    def open(self, path, *, width=1200, height=900, dark=False, scripts=True):
        """Open a file on a screen of some size."""
        self.complaints.clear()
        self._events.clear()
        self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.send("Emulation.setEmulatedMedia", media="", features=[scheme])
        self._scripts = scripts
        self.send("Emulation.setScriptExecutionDisabled", value=not scripts)
        self.send("Page.navigate", url=path.as_uri())
        while not self._events:
            self._next()

    def run(self, code):
        """The value of a JavaScript expression."""
        answer = self.send("Runtime.evaluate", expression=code, returnByValue=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def point(self, selector, *, click=False):
        """Move the pointer over an element, or click it."""
        x, y = self._middle(selector)
        self.send("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)
        if click:
            for kind in ("mousePressed", "mouseReleased"):
                self.send(
                    "Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1
                )

    def _middle(self, selector):
        """Where an element is, once it has been brought onto the screen."""
        where = self.run(
            f"(() => {{ const e = document.querySelector({json.dumps(selector)}); "
            "e.scrollIntoView({block: 'center', behavior: 'instant'}); "
            "const r = e.getClientRects()[0]; return [r.left + r.width / 2, r.top + r.height / 2]; "
            "})()"
        )
        self.wait()
        return where

    def touch(self, selector):
        """Tap an element with a finger."""
        self.send("Emulation.setTouchEmulationEnabled", enabled=True)
        x, y = self._middle(selector)
        self.send("Input.dispatchTouchEvent", type="touchStart", touchPoints=[{"x": x, "y": y}])
        self.send("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])
        self.send("Emulation.setTouchEmulationEnabled", enabled=False)

    def key(self, name):
        """Press a key."""
        for kind in ("keyDown", "keyUp"):
            self.send("Input.dispatchKeyEvent", type=kind, key=name, code=name)

    def wait(self):
        """Until two frames have been drawn, so that what scrolling causes has happened."""
        if not self._scripts:  # Nothing calls back then; a picture is not taken before a frame is.
            self.send("Page.captureScreenshot")
            return
        self.send(
            "Runtime.evaluate",
            expression="new Promise(d => requestAnimationFrame(() => requestAnimationFrame(d)))",
            awaitPromise=True,
        )

    def picture(self, path, *, whole=True):
        """Save a picture of the page."""
        got = self.send("Page.captureScreenshot", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(got["data"]))

    def print(self, path):
        """Save the page as A4 sheets."""
        got = self.send("Page.printToPDF", paperWidth=8.27, paperHeight=11.69, printBackground=True)
        path.write_bytes(base64.b64decode(got["data"]))
