"""The list of hostile files that test_hostile.py hands to the readers."""

HUGE = 2**40
FILES = {}


def hostile(count=1):
    """Registers a maker of `count` files: maker(folder, number) -> path."""

    def register(maker):
        for i in range(count):
            FILES[f"{maker.__name__} {i}"] = (maker, i)
        return maker

    return register
