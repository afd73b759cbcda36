/// One queue of a topic in one broker group, the unit of ordering and of consumption.
@_exported public import struct ApusModel.MessageQueue
