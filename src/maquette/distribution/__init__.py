"""One training on several devices or machines, by the engines of Keras, TensorFlow and JAX."""
