import Inventory
import OrderedCollections

/// vendor_data.json and vendor_data2.json.
enum VendorDataDocument {
  /// The daemon's static data with the instance's own laid over it, key by key.
  static func render(_ input: RenderInput) -> JSONValue {
    guard var members = input.settings.vendorData.object else { return [:] }
    for (key, value) in input.view.instance.vendorData?.object ?? [:] { members[key] = value }
    return .object(members)
  }

  /// The static data under `static`, and each dynamic target's answer under its name; a name that
  /// is there already keeps its first value, as in Nova.
  static func renderSecond(_ input: RenderInput) -> JSONValue {
    var members: OrderedDictionary<String, JSONValue> = ["static": render(input)]
    for (name, answer) in input.dynamicVendorData where members[name] == nil {
      members[name] = answer
    }
    return .object(members)
  }
}
