window.fromAssets = "loaded";
