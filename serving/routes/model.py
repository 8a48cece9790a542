"""What the model says of itself."""

from fastapi import APIRouter, Depends

from serving.auth import require_key
from serving.dependencies import TheService
from serving.metadata import Metadata
from serving.openapi import KEY_ERRORS

router = APIRouter(tags=["predictions"], dependencies=[Depends(require_key)])


@router.get("/model", summary="The model: its labels, version, metrics, recipe and data", responses=KEY_ERRORS)
async def model(service: TheService) -> Metadata:
    return service.metadata
