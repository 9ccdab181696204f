"""A LightningModule whose training step adds Betti matching after a warm-up."""

import lightning
import torch
from torch.utils.data import DataLoader, TensorDataset

from topoeval.losses import adapt


class Segmentation(lightning.LightningModule):
    """Two classes, one image channel."""

    def __init__(self) -> None:
        super().__init__()
        self.network = torch.nn.Sequential(
            torch.nn.Conv2d(1, 8, 3, padding=1), torch.nn.ReLU(), torch.nn.Conv2d(8, 2, 1)
        )
        self.dice = adapt("dice_cross_entropy", to_onehot_y=True)
        self.matching = adapt(
            "betti_matching", softmax=True, include_background=False, to_onehot_y=True
        )

    def training_step(self, batch, index):
        """Return Dice and cross-entropy, and from the second epoch on Betti matching beside it."""
        images, labels = batch
        logits = self.network(images)
        loss = self.dice(logits, labels)
        if self.current_epoch >= 1:
            loss = loss + 0.01 * self.matching(logits, labels)
        self.log("loss", loss)
        return loss

    def configure_optimizers(self):
        """Return Adam."""
        return torch.optim.Adam(self.parameters(), 1e-2)


torch.manual_seed(0)
labels = torch.zeros(8, 1, 16, 16, dtype=torch.long)
labels[..., 4:12, 4:12] = 1
data = TensorDataset(labels + 0.3 * torch.randn(labels.shape), labels)
trainer = lightning.Trainer(
    max_epochs=10,
    accelerator="cpu",
    logger=False,
    enable_checkpointing=False,
    enable_progress_bar=False,
    enable_model_summary=False,
)
trainer.fit(Segmentation(), DataLoader(data, batch_size=4))
print(f"loss {trainer.callback_metrics['loss']:.3f}")
assert trainer.callback_metrics["loss"] < 0.9
