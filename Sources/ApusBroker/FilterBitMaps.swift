package import ApusBase
import ApusBrokerCore
import ApusModel
import ApusStore
import ApusSystem

/// Works out, for the thread that writes queue files, which groups' conditions each message meets:
/// `enableCalcFilterBitMap`. The lock around the conditions is held to copy a topic's list, not while they are
/// evaluated.
package final class FilterBitMaps: BitMapSource {
  private let filters: Locked<ConsumerFilters>

  /// Works with these conditions.
  init(_ filters: Locked<ConsumerFilters>) { self.filters = filters }

  package func bitMaps(ofTopic topic: String, storedUpTo time: WallTime) -> (@Sendable (RawSpan) -> [UInt8])? {
    guard let maps = filters.withLock({ $0.bitMaps(ofTopic: topic, storedUpTo: time) }) else { return nil }
    return { bytes in
      do throws(DecodeError) {
        return maps.bitMap(of: try StoredRecord(bytes).properties)
      } catch {
        // No map: the message passes here and is looked at when it is pulled.
        return []
      }
    }
  }
}
