"""Sessions that look after themselves: started, saved, logged and stopped by hooks."""
