"""A brief that says everything, as the model takes it and as a browser sends it."""

from typing import Any

BRIEF: dict[str, Any] = {
    "what": "A week of breakfasts with your coffee", "timing": "In March", "budget_min": 800, "budget_max": 1_200, "deliverables": "Three short films",
}  # fmt: skip
TYPED = {**BRIEF, "budget_min": "800", "budget_max": "1,200"}
