"""The table of the request budget in memory; tests/contract holds it to the real one."""


class MemoryBudgetTable:
    def __init__(self, limit=None):
        self._limit = limit
        self._uses = {}
        self._blocks = {}

    def weight_limit(self):
        return self._limit

    def set_weight_limit(self, limit):
        self._limit = limit

    def use(self, minute):
        return self._uses.get(minute)

    def swap_use(self, old, new):
        if self._uses.get(new.minute) != old:
            return False
        self._uses[new.minute] = new
        return True

    def blocks(self):
        return list(self._blocks.values())

    def add_block(self, block):
        self._blocks[block.host, block.status] = block
