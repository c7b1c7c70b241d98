"""The decode smoke test: does a VAE work, on this machine, in the precision it will run in.

torch is imported below this package and nowhere else; importing the package itself imports none.
"""
