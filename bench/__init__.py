"""Speed: peers and floors under one load, a table of ratios, and two commits side by side."""
