"""Evolution, measured: does selection in a world make brains better at what the world asks of them?"""
