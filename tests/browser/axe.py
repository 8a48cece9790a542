"""What axe-core finds on a page, in every look that it has."""

from axe_playwright_python.sync_playwright import Axe

from tests.browser.visits import Visit

LOOKS = [(scheme, width) for scheme in ("light", "dark") for width in (375, 1600)]


def violations(visit: Visit) -> list[str]:
    """What is found on the page as it is."""
    found = Axe().run(visit.page).response["violations"]
    return [f"{rule['id']}: {node['html']}" for rule in found for node in rule["nodes"]]


def violations_in_every_look(visit: Visit) -> list[str]:
    """What is found on the page light and dark, narrow and wide; and where it is wider than the window."""
    found = []
    for scheme, width in LOOKS:
        visit.page.emulate_media(color_scheme="dark" if scheme == "dark" else "light", reduced_motion="reduce")
        visit.page.set_viewport_size({"width": width, "height": 800})
        found += [f"{scheme}, {width} px: {violation}" for violation in [*violations(visit), *_overflow(visit)]]
    return found


def _overflow(visit: Visit) -> list[str]:
    beyond = visit.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return [f"{beyond} px must be scrolled sideways"] if beyond > 0 else []
