"""Sends events with Segment's Python library, and prints how many; ends with an error if the library reports anything."""

import importlib
import json
import logging
import sys

# More than one batch of the library.
IDENTIFIES = 120


class Reports(logging.Handler):
    """Collects what the library logs above the level of information."""

    def __init__(self):
        super().__init__(logging.WARNING)
        self.lines = []

    def emit(self, record):
        self.lines.append(record.getMessage())


def main(module, compression, host, write_key, prefix):
    reports, errors = Reports(), []
    for name in ["segment", "urllib3", "backoff"]:
        logging.getLogger(name).addHandler(reports)
    client = importlib.import_module(f"{module}.client").Client(
        write_key,
        host=host,
        gzip=compression == "gzip",
        on_error=lambda error, items: errors.append(repr(error)),
    )
    for number in range(IDENTIFIES):
        client.identify(f"{prefix}-{number}", traits(prefix, number))
    other = f"{prefix}-others"
    client.track(other, "Bought", {"price": 12345678901234567890})
    client.page(other, "shop", "home", {"url": "https://shop.example"})
    client.screen(other, "shop", "home", {})
    client.group(other, "acme", {"plan": "pro"})
    client.alias("before", other)
    client.flush()
    client.join()
    assert not errors and not reports.lines, (errors, reports.lines)
    print(json.dumps({"identifies": IDENTIFIES, "others": 5}))


def traits(prefix, number):
    address = {"street": "Main Street 1", "city": "San Francisco", "state": "CA", "postalCode": "94105", "country": "US"}
    name = {"firstName": "Ann", "lastName": f"Smith {number}", "email": f"{prefix}-{number}@example.com"}
    return name | {"address": address, "plan": "prö"}


if __name__ == "__main__":
    main(*sys.argv[1:])
