print("apus-sim")
