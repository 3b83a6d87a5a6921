"""What somebody who looks at the playground reads and does."""

from pathlib import Path

AXE = Path(__file__).parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"


def evaluations(page):
    """How many networks have been tried."""
    text = page.inner_text("#reached")
    return int(text.split("after ")[1].split()[0].replace(",", "")) if "after " in text else 0


def wait_for(page, more_than=0):
    """Until more networks than that have been tried."""
    page.wait_for_function(
        """least => {
          const told = document.getElementById("reached").textContent.match(/after ([\\d,]+)/);
          return told && Number(told[1].replaceAll(",", "")) > least;
        }""",
        arg=more_than,
    )


def loss(page):
    """Of the best network, as the page tells it."""
    return page.inner_text("#reached").split("loss ")[1].split(",")[0]


def choose(page, name, value):
    """An entry of a list, by its value."""
    page.locator(f"#{name}").select_option(value)


def write(page, name, value):
    """A number into a field, and leave it."""
    page.locator(f"#{name}").fill(str(value))
    page.locator(f"#{name}").press("Tab")


def slide(page, name, value):
    """A slider to a value, as dragging does."""
    page.locator(f"#{name}").evaluate(
        "(slider, value) => { slider.value = value; slider.dispatchEvent(new Event('input')); }",
        value,
    )


def address_says(page, part):
    """Wait until the address has this part."""
    page.wait_for_function("part => location.href.includes(part)", arg=part)


def drop(page, name, text):
    """A file onto the page."""
    page.evaluate(
        """([name, text]) => {
          const data = new DataTransfer();
          data.items.add(new File([text], name, { type: "text/csv" }));
          document.body.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true }));
        }""",
        [name, text],
    )


def complaints(page):
    """What axe-core finds wrong with the page as it is."""
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run(document)")["violations"]
    return [(one["id"], one["help"], [node["html"] for node in one["nodes"]]) for one in found]
