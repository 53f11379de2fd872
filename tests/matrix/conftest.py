"""What the matrices share: a run's message hub for each row."""
import pytest
from mmengine.logging import MessageHub


@pytest.fixture
def hub(request):
    """A message hub of its own, in the last of two iterations; the next test's is empty again."""
    hub = MessageHub.get_instance(request.node.nodeid)
    hub.update_info('max_iters', 2)
    yield hub
    MessageHub.get_instance(request.node.nodeid + ' done')
