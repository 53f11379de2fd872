"""What these tests share: a message hub of its own for each, since FBR reads the run's iteration there."""
import pytest
from mmengine.logging import MessageHub


@pytest.fixture(autouse=True)
def fresh_hub(request):
    MessageHub.get_instance(request.node.nodeid)
