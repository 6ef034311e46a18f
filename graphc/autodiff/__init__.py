"""Derivatives: Graph to Graph, at the level of Nodes."""

from graphc.autodiff.check import GradientError, check_gradients
from graphc.autodiff.forward import jvp
from graphc.autodiff.jacobian import batch_jacobian, hessian, jacobian
from graphc.autodiff.reverse import connected, grad, gradient_graph
