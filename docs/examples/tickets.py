"""A scikit-learn pipeline on rows of text, categories and numbers: train it and bake it.

Run it in the checkout's folder:

    .venv/bin/pip install scikit-learn pandas skl2onnx
    PYTHONPATH=. .venv/bin/python docs/examples/tickets.py
"""

# %% The data: support tickets, and whether each was urgent
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from model.bake import bake

tickets = pd.DataFrame(
    {
        "subject": ["cannot log in", "invoice is wrong", "site is down", "change my address"] * 5,
        "plan": ["free", "pro", "pro", "free"] * 5,
        "open_hours": [3.0, 30.0, 1.0, 70.0] * 5,
    }
)
urgent = ["yes", "no", "yes", "no"] * 5

# %% Train
columns = ColumnTransformer(
    [
        ("words", TfidfVectorizer(), "subject"),
        ("plan", OneHotEncoder(handle_unknown="ignore"), ["plan"]),
        ("hours", StandardScaler(), ["open_hours"]),
    ]
)
pipeline = make_pipeline(columns, LogisticRegression()).fit(tickets, urgent)

# %% Bake: the samples become golden vectors
bake(pipeline, name="tickets", samples=tickets[:3])
