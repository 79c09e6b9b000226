package net

func bestTile() tileFunc { return tileGo }
