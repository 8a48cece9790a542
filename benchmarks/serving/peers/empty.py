"""A FastAPI endpoint that takes a form and does nothing with it."""

from typing import Annotated

from fastapi import FastAPI, Form

app = FastAPI()


@app.post("/predict")
async def predict(text: Annotated[str, Form()]) -> dict[str, str]:  # noqa: ARG001
    return {"label": "neutral"}
