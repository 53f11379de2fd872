"""`HybridVisionTransformer`: the cells of a CNN's map as patches, and whose weights are whose."""
import torch

from mmfbr.registry import MODELS


def build(checkpoint=None, **options):
    torch.manual_seed(0)
    cnn = dict(type='mmseg.ResNet', depth=18, stem_channels=8, base_channels=8, strides=(1, 2, 1, 1), out_indices=(3, ))
    if checkpoint:
        cnn['init_cfg'] = dict(type='Pretrained', checkpoint=str(checkpoint))
    model = MODELS.build(dict(
        type='HybridVisionTransformer', cnn=cnn, cnn_channels=64, img_size=(32, 32), patch_size=8, embed_dims=16,
        num_layers=2, num_heads=2, out_indices=(0, 1), final_norm=True, **options))
    model.init_weights()
    return model


def test_tokens_are_the_cells_of_the_map_with_their_places():
    model, pixels = build(), torch.randn(2, 3, 32, 32)
    model.eval()  # which mmseg's ViT does not return
    cells = model.patch_embed.cnn(pixels)[0]
    assert cells.shape == (2, 64, 4, 4)
    tokens = torch.stack([model.patch_embed.projection(cells)[:, :, i, j] for i in range(4) for j in range(4)], 1)
    x = torch.cat([model.cls_token.expand(2, -1, -1), tokens], 1) + model.pos_embed
    expected = []
    for layer in model.layers:
        x = layer(x)
        expected.append(x)
    expected[-1] = model.norm1(x)
    for found, x in zip(model(pixels), expected, strict=True):
        torch.testing.assert_close(found, x[:, 1:].transpose(1, 2).reshape(2, 16, 4, 4))


def test_images_of_another_size_stretch_the_places():
    assert [tuple(m.shape) for m in build()(torch.randn(1, 3, 40, 64))] == [(1, 16, 5, 8)] * 2


def test_the_cnn_starts_from_its_weights_and_the_transformer_as_in_mmseg(tmp_path):
    torch.manual_seed(5)
    weights = build().patch_embed.cnn
    for value in weights.state_dict().values():
        value.copy_(torch.randn(value.shape).abs())
    torch.save(weights.state_dict(), tmp_path / 'cnn.pth')
    model = build(tmp_path / 'cnn.pth')
    for key, value in model.patch_embed.cnn.state_dict().items():
        assert torch.equal(value, weights.state_dict()[key]), key
    assert 0.01 < model.layers[0].attn.attn.out_proj.weight.std() < 0.03 and model.pos_embed.std() < 0.03
    pixels = torch.randn(2, 3, 32, 32)
    model(pixels)[1].square().sum().backward()
    assert not [name for name, p in model.named_parameters() if p.grad is None]
