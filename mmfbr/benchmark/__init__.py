"""What FBR costs a training step, beside a straightforward implementation and the products that no one can avoid."""
