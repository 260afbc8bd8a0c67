"""The actions behind the source, species and export verbs: exchange to state to transaction."""
