"""System 3: control of the here and now - what is asked, planned, judged and integrated."""
