import Inventory
import Synchronization

/// Today's date as text, made once a day.
final class Day: Sendable {
  private let cached = Mutex<(number: Int, text: String)>((number: -1, text: ""))

  func text(of secondsSince1970: Int) -> String {
    let number = secondsSince1970 / 86_400
    return cached.withLock { cached in
      if cached.number != number {
        cached = (number: number, text: CivilTime(secondsSince1970: secondsSince1970).date)
      }
      return cached.text
    }
  }
}
